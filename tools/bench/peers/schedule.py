"""optim.cosine with least = 0.1 * peak, in Python's floats."""
import math


def learning_rate(step: int, peak: float, steps: float, warm_up: float) -> float:
    if step < warm_up:
        return peak * min(1.0, (step + 1) / max(warm_up, 1))
    x = min(max((step - warm_up) / max(steps - warm_up, 1), 0.0), 1.0)
    return 0.1 * peak + 0.9 * peak * 0.5 * (1 + math.cos(math.pi * x))
