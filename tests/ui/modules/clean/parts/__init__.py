from . import wheel
from .wheel import *
