"""One risk model: booster, calibration and contract; its explanation, words and registry entry."""
