// Stochastic gradient descent. An optimiser is a layer of a parameter p and its gradient g that returns the new p.

/// Gradient descent, with momentum when `momentum` is not zero.
///
/// Shapes: p, g [...P] -> [...P]; state v [...P], zero at first.
/// Formula: v' = momentum * v + g; p' = p - lr * v'.
/// Source: Sutskever et al., "On the importance of initialization and momentum", ICML 2013, section 2.
layer Sgd[T: float, ...P](p: T[...P], g: T[...P], lr: f64, momentum: f64 = 0) -> T[...P] {
  state v: T[...P] = 0
  let moved = T(momentum) * v + g
  set v = moved
  return p - T(lr) * moved
}
