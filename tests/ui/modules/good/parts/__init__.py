from .wheel import Wheel
