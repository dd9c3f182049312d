"""One event of each policy, and one of any size."""

from realtime.events import CUMULATIVE, DROPPABLE, DURABLE, LATEST, Event


class Noted(Event, wire="lab.noted", policy=DURABLE):
    number: int


class Gauge(Event, wire="lab.gauge", policy=LATEST(by="name")):
    name: str
    value: int


class Total(Event, wire="lab.total", policy=CUMULATIVE("name", "unit")):
    name: str
    unit: str
    value: int


class Tick(Event, wire="lab.tick", policy=DROPPABLE):
    number: int


class Page(Event, wire="lab.page", policy=DURABLE):
    number: int
    text: str


class Leaf(Event, wire="lab.leaf", policy=DROPPABLE):
    number: int
    text: str
