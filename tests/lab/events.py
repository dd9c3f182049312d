"""One event of each policy."""

from realtime.events import DROPPABLE, DURABLE, LATEST, Event


class Noted(Event, wire="lab.noted", policy=DURABLE):
    number: int


class Gauge(Event, wire="lab.gauge", policy=LATEST(by="name")):
    name: str
    value: int


class Tick(Event, wire="lab.tick", policy=DROPPABLE):
    number: int
