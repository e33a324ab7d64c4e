"""Forecasting: from beliefs to what comes next."""
