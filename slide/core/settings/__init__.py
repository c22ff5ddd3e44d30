"""How settings are declared, and those that all learners share.

`setting` makes the fields, `demands` checks values, `settings` has the parts of all learners,
`plan` those of inference; `traits` is what recipes count in data, `schedule` when something is due.
Each learner keeps its own beside itself. May import the contract and examples.
"""
