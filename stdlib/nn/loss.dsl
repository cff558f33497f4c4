// Losses: scalars to be made small.

/// Mean negative log-probability of the true classes, from unnormalised logits.
///
/// Shapes: logits [...L, Classes], target i32 [...L] -> scalar. A target that is no class stops the run.
/// Formula: -mean(l) log_softmax(logits[l])[target[l]].
/// The true class is picked by comparison, which costs as much as the softmax beside it and whose gradient is
/// dense as the logits' gradient must be.
/// Source: Goodfellow et al., "Deep learning", 2016, section 6.2.2.3.
function cross_entropy[T: float, Classes, ...L](logits: T[...L, Classes], target: i32[...L]) -> T {
  assert((min(...l) target[...l]) >= 0 && (max(...l) target[...l]) < Classes, "cross_entropy: a target is no class")
  let m[...l] = stop_gradient(max(c) logits[...l, c])
  let z[...l] = sum(c) exp(logits[...l, c] - m[...l])
  let picked[...l] = sum(c) where(i32(c) == target[...l], logits[...l, c], 0)
  return mean(...l) (log(z[...l]) + m[...l] - picked[...l])
}

/// Mean of the squared differences over all elements.
///
/// Shapes: prediction, target [...A] -> scalar. Formula: mean((prediction - target)^2).
/// Source: Bishop, "Pattern recognition and machine learning", 2006, section 1.1.
function mean_squared_error[T: float, ...A](prediction: T[...A], target: T[...A]) -> T {
  let d = prediction - target
  return mean(...a) d[...a] * d[...a]
}
