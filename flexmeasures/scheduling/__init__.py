"""From flexibility and beliefs to schedules.

`base` has the contract of schedulers, `registry` says which one a sensor has, `storage` is ours.
`engine` plans, and knows arrays only.
"""
