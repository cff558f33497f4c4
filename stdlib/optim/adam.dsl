// Adam and its variant with decoupled weight decay. Scalars are f64, so that 1 - beta2^t keeps its digits.

/// Adaptive moments.
///
/// Shapes: p, g [...P] -> [...P]; states m, v [...P], zero at first.
/// Formula, t = step + 1: m' = beta1 m + (1 - beta1) g; v' = beta2 v + (1 - beta2) g^2;
/// p' = p - lr * (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + epsilon).
/// Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
layer Adam[T: float, ...P](p: T[...P], g: T[...P], lr: f64, beta1: f64 = 0.9, beta2: f64 = 0.999, epsilon: f64 = 1e-8)
    -> T[...P] {
  state m, v: T[...P] = 0
  let average = T(beta1) * m + T(1 - beta1) * g
  let square = T(beta2) * v + T(1 - beta2) * g * g
  set m = average
  set v = square
  let t = f64(step + 1)
  let rate = T(lr / (1 - pow(beta1, t)))
  let spread = T(1 / (1 - pow(beta2, t)))
  return p - rate * average / (sqrt(square * spread) + T(epsilon))
}

/// Adam with decoupled weight decay.
///
/// Shapes and states: as `Adam`. Formula: p' = Adam(p, g) - lr * weight_decay * p.
/// Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
layer AdamW[T: float, ...P](p: T[...P], g: T[...P], lr: f64, beta1: f64 = 0.9, beta2: f64 = 0.999, epsilon: f64 = 1e-8,
    weight_decay: f64 = 0.01) -> T[...P] {
  state m, v: T[...P] = 0
  let average = T(beta1) * m + T(1 - beta1) * g
  let square = T(beta2) * v + T(1 - beta2) * g * g
  set m = average
  set v = square
  let t = f64(step + 1)
  let rate = T(lr / (1 - pow(beta1, t)))
  let spread = T(1 / (1 - pow(beta2, t)))
  return p - rate * average / (sqrt(square * spread) + T(epsilon)) - T(lr * weight_decay) * p
}
