"""What a program is part of: source, features, model, decision, events.

A pipeline has the `subject` of its requests, `work(ms)`, which does about so much and says whether there is more to do now,
`stop()`, which forgets what is under way, `runtime`, a `teacher` where words or pictures are taught, and `span`, how many
samples a run of the model covers. What is heard or seen it tells by `report(event, **fields)`.
"""
