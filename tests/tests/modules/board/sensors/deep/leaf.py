from ..scale import UNIT
from .. import filters


def both():
    return UNIT, filters.mean([4, 8])
