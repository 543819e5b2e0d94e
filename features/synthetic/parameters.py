"""The numbers of the simulated force, each group of them with where it comes from.

*Published* values were read in a public source named beside them, *assumed* values were chosen so
that the force as a whole looks like the published one. Arrays run over the six groups in the order
of `GROUPS`. Yearly volumes are those of a force with three million inhabitants, of whom
`FULL_SCALE` people are simulated as possible offenders; a smaller world is that share of it.
"""

from __future__ import annotations

import numpy as np

GROUPS = ("DAV", "DAS", "NSH", "SEX", "VIO", "ACQ")
"""Domestic violence, domestic stalking and harassment, the same without a domestic link, sexual
offences, other violence and disorder, acquisitive crime with damage and drugs."""
DAV, DAS, NSH, SEX, VIO, ACQ = range(6)

FULL_SCALE = 650_000
HISTORY_WEEKS = 104
"""Weeks simulated and recorded before the years asked for, so that those start with histories."""

# Traits (assumed, fitted in a prototype): loading on the common factor, spread of the log rate.
LOADING = np.array([0.45, 0.35, 0.30, 0.20, 0.70, 0.60])
SEVERITY_LOADING = 0.35
SPREAD = np.array([1.0, 1.2, 1.2, 1.3, 1.15, 1.35])
FEMALE = np.array([0.72, 0.55, 0.95, 0.04, 0.50, 0.45])
MALE_SHARE = 0.70
DESISTANCE_SPREAD = 0.4

# Motives of stalkers (after Mullen), their shares, and what they do to stalking of former partners.
MOTIVES = ("rejected", "resentful", "intimacy-seeking", "incompetent", "predatory")
MOTIVE_SHARE = np.array([0.50, 0.15, 0.12, 0.15, 0.08])
MOTIVE_RATIO = np.array([1.2, 1.0, 1.3, 0.6, 0.7])
PREDATORY = 4

# Shares: Census 2021 of the region (published). Exposure is how often such people offend in this
# world, given nothing else; the true risk of two people with equal traits and exposure is the same.
ETHNICITIES = ("White", "Asian", "Black", "Other")
ASIAN, BLACK = 1, 2
ETHNICITY_SHARE = np.array([0.614, 0.229, 0.081, 0.076])
EXPOSURE = np.array([1.0, 0.8, 1.5, 1.05])
AREAS = tuple(f"area-{number}" for number in range(1, 9))

# Age curve [(x/p) exp(1 - x/p)]^k with x = age - 9 (assumed).
AGE_PEAK = np.array([20.0, 23.0, 24.0, 17.0, 12.0, 11.0])
AGE_SHARPNESS = np.array([1.6, 1.6, 1.0, 0.8, 1.4, 1.2])
CRIMINAL_AGE = 10
DOMESTIC_AGE = 16

# Monthly states (assumed): activity, relationship, substance use, exit by death or moving away.
STOPS, RESUMES, DORMANT = 1 / 28, 1 / 40, 0.06
MEETS, SEPARATES, SEPARATES_TRAIT, SETTLES = 1 / 13, 0.018, 0.3, 1 / 6
USES, USES_COMMON, USES_ACQUISITIVE, STOPS_USING = 0.006, 0.4, 0.5, 0.035
EXITS, EXITS_AGE, EXITS_SLOPE = 0.001, 8e-5, 0.075
SINGLE, TOGETHER, SEPARATED = range(3)
RELATION_RATIO = {DAV: np.array([0.3, 1.0, 1.4]), DAS: np.array([0.35, 0.2, 4.0])}
SUBSTANCE_RATIO = np.array([1.4, 1.0, 1.0, 1.0, 1.4, 2.0])

# Self-excitation (assumed, fitted): weeks of memory, and further offences of the column's group
# that one offence of the row's group brings in the long run.
MEMORY_WEEKS = np.array([10.0, 8.0, 6.0, 26.0, 8.0, 6.0])
BRANCHING = np.array(
    [
        [0.18, 0.04, 0.00, 0.005, 0.02, 0.01],
        [0.05, 0.38, 0.01, 0.000, 0.00, 0.00],
        [0.00, 0.01, 0.30, 0.000, 0.01, 0.00],
        [0.01, 0.00, 0.00, 0.080, 0.00, 0.00],
        [0.02, 0.00, 0.00, 0.000, 0.15, 0.02],
        [0.01, 0.00, 0.00, 0.000, 0.02, 0.30],
    ]
)
BASE_RATE = np.array([1.10, 0.239, 0.474, 0.408, 1.45, 2.22])
"""Offences a year of an average person at the peak age, fitted to the yearly volumes below."""

# Seriousness: log-odds that an offence of the group is one of high harm (assumed, fitted).
SERIOUS = {DAV: -4.9, SEX: -0.25, VIO: -4.45}
SERIOUS_SEVERITY = {DAV: 1.0, SEX: 0.35, VIO: 1.0}
SERIOUS_SEPARATED, SERIOUS_SUBSTANCE, SERIOUS_EXCITED, SERIOUS_FEMALE = 0.5, 0.35, 0.35, -0.6
SERIOUS_INTERACTION = 0.9

# Violence short of high harm that is graver than most, injury above all: log-odds and severity.
GRAVE, GRAVE_SEVERITY = -0.9, 0.8

# Stalking within harassment: log-odds, trait, separation (assumed; monthly volumes published).
STALKING, STALKING_TRAIT, STALKING_SEPARATED = -1.43, 0.6, 0.5
STALKING_STRANGER, STALKING_PREDATORY = 0.018, 0.07

# Recording in 2021/22, naming, reporting delay (assumed; inspectors found 78-84 % of reported
# violence recorded, and much is never reported). Delay: chance of none to speak of, else weeks.
RECORDED = np.array([0.45, 0.40, 0.30, 0.25, 0.40, 0.50])
SERIOUS_RECORDED = 1.8
NAMED = np.array([0.97, 0.95, 0.55, 0.70, 0.50, 0.15])
SERIOUS_NAMED = 0.85
PROMPT = np.array([0.80, 0.70, 0.75, 0.35, 0.90, 0.92])
DELAY_WEEKS = np.array([[0.5, 1.1], [1.0, 1.2], [1.0, 1.2], [3.6, 2.0], [0.4, 1.1], [0.4, 1.1]])

# Arrests per named suspect (fitted to the published numbers in custody).
ARRESTED = np.array([0.155, 0.135, 0.045, 0.22, 0.20, 0.55])
RAPE_ARRESTED, SERIOUS_ARRESTED = 0.32, 0.40

# How custody ended, April 2021 to February 2022: a published police board paper gives shares for
# stalking and harassment, for rape, and for all domestic abuse; the rest up to 100 % is "other".
PUBLISHED_DISPOSALS = {
    #                      charged bailed  RUI  OOCD   NFA  other
    "domestic_abuse": (0.07, 0.15, 0.18, 0.03, 0.47, 0.10),
    "stalking_harassment": (0.10, 0.18, 0.25, 0.03, 0.28, 0.16),
    "rape": (0.04, 0.29, 0.30, 0.00, 0.14, 0.23),
}
# Domestic violence is what remains of domestic abuse without stalking, sexual and grave offences,
# which have rows of their own. The rows of violence, theft and grave violence are assumed.
DISPOSAL_SHARES = {
    "domestic_violence": (0.056, 0.134, 0.159, 0.033, 0.537, 0.081),
    "stalking_harassment": PUBLISHED_DISPOSALS["stalking_harassment"],
    "rape": PUBLISHED_DISPOSALS["rape"],
    "violence": (0.22, 0.12, 0.18, 0.06, 0.32, 0.10),
    "acquisitive": (0.40, 0.08, 0.12, 0.08, 0.22, 0.10),
    "serious": (0.35, 0.20, 0.20, 0.00, 0.17, 0.08),
    "homicide": (1.00, 0.00, 0.00, 0.00, 0.00, 0.00),
}
LATE_CHARGE = np.array([0.12, 0.20, 0.20, 0.02, 0.15, 0.25])
SERIOUS_LATE_CHARGE = 2.5
VOLUNTARY_CHARGE = np.array([0.004, 0.006, 0.016, 0.002, 0.03, 0.16])
# Median of 467 days from report to charge in rape cases (published), others assumed.
LATE_CHARGE_DAYS = np.array([75.0, 75.0, 90.0, 400.0, 80.0, 70.0])

# Prison after a charge: chance, weeks (mean and spread of the logarithm), chance of remand.
IMPRISONED = np.array([0.16, 0.16, 0.08, 0.55, 0.15, 0.30])
SERIOUS_IMPRISONED = 0.72
TERM_WEEKS, SERIOUS_TERM_WEEKS, HOMICIDE_TERM_WEEKS = (2.6, 0.7), (4.4, 0.7), (6.6, 0.2)
REMANDED, SERIOUS_REMANDED = 0.30, 0.65
CONVICTED = 0.80

# Interventions: how often, how long in weeks, and the true rate ratio while they last. Published:
# CARA -27 % harm, Drive -30 % incidents, a quarter of protection orders breached. Others assumed.
EFFECTS = {"order": 0.75, "programme": 0.70, "easi": 0.70, "bail": 0.90, "iom": 0.85}
ORDER_CHANCE, SERIOUS_ORDER = 0.05, 3.0
PROGRAMME_CHANCE, PROGRAMME_WEEKS = 0.13, 78
EASI_CHANCE, EASI_WEEKS = 0.05, 52
IOM_PEOPLE, IOM_HALF_LIFE_WEEKS = 2_500, 26
# Pre-charge bail (assumed): with conditions, without, not said; days.
BAIL_CONDITIONS = (0.70, 0.20, 0.10)
BAIL_DAYS, BAIL_SPREAD = 45.0, 0.5

# Concept drift, when the world has it: what counts from April 2024 on.
CONCEPT_SEPARATED, CONCEPT_SUBSTANCE = -0.4, 1.1

# Unequal recording, when the world has it: published arrest ratio of Black to White people 3.3.
BLACK_NAMING, BLACK_ARREST, ASIAN_DOMESTIC_RECORDING = 2.4, 1.8, 0.8
