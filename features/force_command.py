"""The command that writes a made-up force, with a switch for each thing a world may have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, answer, in_a_folder, progress
from features.errors import UsageError


def synthesise(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    nominals: Annotated[int, typer.Option(min=1, help="About how many named suspects.")] = 20_000,
    years: Annotated[int, typer.Option(min=1, max=20, help="Years of records.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    truth: Annotated[Path | None, typer.Option(help="Folder for the truth, outside OUT.")] = None,
    truth_horizon: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Repeatable: days ahead of the true risks; 365 by default."),
    ] = None,
    truth_everywhere: Annotated[
        bool,
        typer.Option(
            "--truth-everywhere",
            help="True risks on the dates that questions learn from too: takes several times as"
            " long.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Compare with published figures: FILE.html, or .json alone.", callback=in_a_folder
        ),
    ] = None,
    bias: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable: published, none, or GROUP=K: recorded K times as often as others at"
            " equal conduct (White, Asian, Black, Other)."
        ),
    ] = None,
    victims: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable: GROUP=K, its domestic reports recorded K times as often."),
    ] = None,
    drift: Annotated[
        str, typer.Option(help="all, none, or of recording,go-live,lockdown,counting-rule.")
    ] = "all",
    concept_drift: Annotated[
        bool, typer.Option(help="From April 2024 other things make an offence grave.")
    ] = False,
    interventions: Annotated[
        bool, typer.Option(help="Whether interventions have their effects.")
    ] = True,
    effect: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable: order, programme, easi, bail or iom =RATE RATIO."),
    ] = None,
    selection: Annotated[
        str, typer.Option(help="Who gets them: usual, randomised or risk-targeted.")
    ] = "usual",
    missing_by_value: Annotated[
        bool, typer.Option(help="Markers that should say yes are left blank more often.")
    ] = False,
    duplicates: Annotated[
        float, typer.Option(min=0, max=0.2, help="Share of people with a second person record.")
    ] = 0.01,
    interactions: Annotated[bool, typer.Option(help="Whether risks make each other worse.")] = True,
    faults: Annotated[
        bool, typer.Option(help="Corrections, cancellations, missing details.")
    ] = True,
    plain: Annotated[
        bool, typer.Option("--plain", help="All of the above off; no other switch beside it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the records of a made-up force.

    Example: precursor synthesise .precursor/records/demo --nominals 20000 --years 6 --seed 1
    """
    from features.synthetic import Switches
    from features.synthetic import synthesise as make
    from features.synthetic.calibration import compare, in_words, refuse_unfit, write_calibration
    from features.synthetic.timeline import Timeline
    from features.synthetic.truth import HORIZONS, quarters
    from features.synthetic.world import DATA_TO, latent_in_all

    if report is not None:
        refuse_unfit(report, out)
    if truth is None and (truth_horizon or truth_everywhere):
        raise UsageError(
            "--truth-horizon and --truth-everywhere say which truth to write, and none is written",
            remedy="Name its folder: --truth DIR.",
        )
    switches = Switches(
        bias=_bias(bias or []),
        drift=_drift(drift),
        interventions=interventions,
        interactions=interactions,
        faults=faults,
        victims=_ratios("--victims", victims or []),
        concept_drift=concept_drift,
        effects=_ratios("--effect", effect or []),
        selection=selection,
        missing_by_value=missing_by_value,
        duplicates=duplicates,
    )
    if plain and switches != Switches():
        raise UsageError(
            "--plain stands beside another switch", remedy="Leave out --plain, or the others."
        )
    with progress("simulating", as_json) as tell:
        load = make(
            out,
            nominals=nominals,
            years=years,
            seed=seed,
            truth=truth,
            truth_at=quarters(
                Timeline.of(years, DATA_TO),
                sorted(set(truth_horizon or HORIZONS)),
                judged=not truth_everywhere,
            ),
            progress=tell,
            switches=Switches.off() if plain else switches,
        )
    found = {"records": str(load.path), "data_to": load.data_to, "synthetic": True}
    text = f"Synthetic records up to {load.data_to} are in {load.path}."
    if report is not None:
        compared = compare(load, latent_in_all(nominals, years))
        write_calibration(compared, load, report)
        found |= {"report": str(report), "figures": [one.as_json() for one in compared]}
        text += f"\n{in_words(compared)}\nWritten: {report}"
    answer(found, text, as_json)


def _bias(given: list[str]) -> bool | dict[str, float]:
    if given in ([], ["published"]):
        return True
    return False if given == ["none"] else _ratios("--bias", given)


def _drift(given: str) -> bool | tuple[str, ...]:
    words = tuple(word.strip() for word in given.split(","))
    return words == ("all",) or (False if words == ("none",) else words)


def _ratios(option: str, given: list[str]) -> dict[str, float]:
    """Return what was given as NAME=NUMBER."""
    found: dict[str, float] = {}
    for text in given:
        name, equals, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            equals = ""
        if not equals or name in found:
            problem = "is there twice" if equals else "is no NAME=NUMBER"
            raise UsageError(
                f"{option}: '{text}' {problem}", remedy=f"Write {option} Black=2, once each."
            )
        found[name] = value
    return found
