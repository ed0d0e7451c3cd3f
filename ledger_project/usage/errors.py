"""What pricing and usage refuse."""

from ledger_project.kernel.errors import NotFound, Refusal


class InvalidRate(Refusal):
    """A rate of the price book is not of its form; `rate` is its place and `reason` says why."""


class AmbiguousRate(Refusal):
    """Two rates of the price book are as exact for one model and metric; `rates` are their places."""


class PriceBookNotFound(NotFound):
    """There is no price book of this name."""


class NoPrice(Refusal):
    """The price book has no version that was in force at this time."""


class UnpricedMetric(Refusal):
    """The price book has no rate for this metric of this model; a rate of 0 says that it is free."""


class UsageDiffers(Refusal):
    """This source has used this request id for other usage; correct that, or give what is new an id of its own."""


class UsageTooOld(Refusal):
    """The usage is of longer ago, or of further ahead, than is taken; `earliest` and `latest` say what is."""


class UsageNotFound(NotFound):
    """There is no such usage."""


class UsageSuperseded(Refusal):
    """Something was posted about this usage since; `followed_by` is what follows on it."""

    constraint = "usage_superseded"


class LateUsageRecorded(Refusal):
    """Usage was recorded against this hold after its end before; give what is new without it."""

    constraint = "late_usage_recorded"


class NothingToCorrect(Refusal):
    """The usage is already as it is to be."""


class NothingUncovered(Refusal):
    """All that is due for this usage was paid; or less is due than was asked for."""
