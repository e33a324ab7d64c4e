"""How good forecasts are on measured series: evaluation code, apart from the models it judges."""
