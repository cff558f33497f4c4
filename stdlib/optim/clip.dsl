// Bounds on gradients.

/// Sum of the squares of all elements. Shapes: g [...P] -> scalar.
function square_sum[T: float, ...P](g: T[...P]) -> f64 {
  return f64(sum(...p) g[...p] * g[...p])
}

/// A tensor times a scalar. Shapes: g [...P], factor scalar -> [...P].
function scaled[T: float, ...P](g: T[...P], factor: f64) -> T[...P] {
  return T(factor) * g
}

/// Euclidean norm of all leaves of a tree taken together.
function global_norm(g: tree) -> f64 {
  return sqrt(total(square_sum, g))
}

/// Scales all gradients by one factor so that their global norm is at most `limit`.
///
/// Formula: g * min(1, limit / global_norm(g)).
/// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
/// algorithm 1.
function clip_by_global_norm(g: tree, limit: f64) -> tree {
  let norm = global_norm(g)
  return each(scaled, g, where(norm > limit, limit / norm, 1))
}
