"""Temporal splits, baselines, fitting, evaluation and promotion, every run in MLflow."""
