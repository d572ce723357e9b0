"""From the text of a function to what all its executions do with the tasks of a site.

`code` says what stands in the file, `states` what is true at one point of an execution, `machine`
what a run keeps and finds out, `semantics` what each construct and each known callable does to a
state, `survey` what is clear before anything runs, and `interpret` runs. Each imports only from
those before it.
"""
