from .filters import mean
from . import scale

UNIT = scale.UNIT
