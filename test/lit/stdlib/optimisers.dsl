// RUN: %cleave run %s --steps 3 --quiet
// Optimisers against their formulas, three steps of a parameter that begins at 1 with the gradient 0.5.
import optim

axis N = 2

layer Parameter() -> f64 {
  param w: f64[N] = 1
  return mean(n) w[n]
}

layer plain = Parameter
layer moving = Parameter
layer adaptive = Parameter
layer decayed = Parameter

state expected, speed, first, second: f64 = 0

function close(x: f64, y: f64) -> bool {
  return abs(x - y) <= 1e-12 * (1 + abs(y))
}

entry train() -> (done: bool) {
  let t = f64(step)
  assert(close(plain(), 1 - 0.1 * 0.5 * t), "Sgd")
  update plain with optim.Sgd(grad(plain(), plain), lr: 0.1)

  // Speeds 0.5, 0.95, 1.355 (momentum 0.9).
  let passed = where(step == 0, 0, where(step == 1, 0.5, f64(1.45)))
  assert(close(moving(), 1 - 0.1 * passed), "Sgd with momentum")
  update moving with optim.Sgd(grad(moving(), moving), lr: 0.1, momentum: 0.9)

  // With a constant gradient the corrected moments are g and g^2: a step is lr * g / (g + epsilon).
  assert(close(adaptive(), 1 - 0.1 * t * 0.5 / (0.5 + 1e-8)), "Adam")
  update adaptive with optim.Adam(grad(adaptive(), adaptive), lr: 0.1)

  let stepped: f64 = 0.1 * 0.5 / (0.5 + 1e-8)
  let once = 1 - stepped - 0.1 * 0.2
  let twice = once - stepped - 0.1 * 0.2 * once
  assert(close(decayed(), where(step == 0, 1, where(step == 1, once, twice))), "AdamW")
  update decayed with optim.AdamW(grad(decayed(), decayed), lr: 0.1, weight_decay: 0.2)

  // Each gradient is 0.5: the norm of both is sqrt(0.5).
  let g = grad(plain(), plain)
  assert(close(optim.global_norm(g), sqrt(0.5)), "global_norm")
  assert(close(optim.global_norm(optim.clip_by_global_norm(g, 0.1)), 0.1), "clipped")
  assert(close(optim.global_norm(optim.clip_by_global_norm(g, 10.0)), sqrt(0.5)), "not clipped")

  assert(close(optim.linear_warm_up(step, 2.0, 4), 0.5 * (t + 1)), "linear_warm_up")
  assert(optim.linear_warm_up(step + 100, 2.0, 4) == 2, "after the warm-up")
  assert(close(optim.cosine(step, 2.0, 100, warm_up: 10), 0.2 * (t + 1)), "cosine: warm-up")
  assert(close(optim.cosine(55 + 0 * step, 2.0, 100, warm_up: 10, least: 1.0), 1.5), "cosine: half way")
  assert(close(optim.cosine(500 + step, 2.0, 100, warm_up: 10, least: 1.0), 1), "cosine: past the end")
  return true
}
