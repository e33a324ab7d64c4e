-- Distances on the globe, for finding the sensors nearest to a place.
CREATE EXTENSION IF NOT EXISTS cube;
CREATE EXTENSION IF NOT EXISTS earthdistance;
