layer Sgd[T: float, ...P](p: T[...P], g: T[...P], lr: f64 = 0.1) -> T[...P] {
  state n: T[...P] = 0
  set n = n + g
  return p - T(lr) * n
}
