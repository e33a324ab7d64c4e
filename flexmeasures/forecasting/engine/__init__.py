"""The heart of forecasting: arrays in, arrays out."""
