"""Scores, reasons and audit for people and programs: service, pages, ledger, batch."""
