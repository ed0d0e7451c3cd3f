"""Python's cycle collector, kept from going through what a process has loaded for good."""

import gc

YOUNG = 50_000  # new containers before a look at the young ones; a batch of 1,000 calls makes about as many


def spare_the_loaded() -> None:
    """Call it once a process has loaded what it needs.

    Django, DRF and the commands are several hundred thousand objects that stay. By default the collector looks at new
    objects after every 700 and at all of them time and again: a quarter of the time of a batch of 1,000 transfers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
