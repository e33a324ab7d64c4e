"""The heart of planning: arrays in, arrays out; no database, no web, no clock.

A `problem` says what is meant, `formulation` states it as a linear `program`, `solvers` solve that,
`check` works out what a plan is worth without any of them, and `optimise` goes all the way.
"""
