// Non-linear functions of one tensor. Shapes are kept.

/// The positive part. Formula: max(x, 0).
/// Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
function relu[T: float, ...A](x: T[...A]) -> T[...A] {
  return maximum(x, 0)
}

/// The logistic function. Formula: 1 / (1 + exp(-x)). Large arguments saturate without NaN.
function sigmoid[T: float, ...A](x: T[...A]) -> T[...A] {
  return 1 / (1 + exp(-x))
}

/// Formula: x * sigmoid(x).
/// Source: Elfwing et al., "Sigmoid-weighted linear units", Neural Networks 2018.
function silu[T: float, ...A](x: T[...A]) -> T[...A] {
  return x / (1 + exp(-x))
}

/// Formula: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), within 4e-4 of `gelu_erf`.
/// Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
function gelu[T: float, ...A](x: T[...A]) -> T[...A] {
  return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
}

/// Formula: x * Phi(x) = x / 2 * (1 + erf(x / sqrt(2))), Phi the normal distribution function.
/// Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
function gelu_erf[T: float, ...A](x: T[...A]) -> T[...A] {
  return 0.5 * x * (1 + erf(0.7071067811865476 * x))
}

/// Positive values that sum to one over an axis.
///
/// Shapes: x [...L, K, ...R] -> the same. Formula: exp(x[k]) / sum(j) exp(x[j]).
/// Stable: the greatest value is subtracted first, which changes nothing but the range; no gradient flows through it.
/// Source: Goodfellow et al., "Deep learning", 2016, section 4.1.
function softmax[T: float, ...L, K, ...R](x: T[...L, K, ...R], over: axis K) -> T[...L, K, ...R] {
  let m[...l, ...r] = stop_gradient(max(k) x[...l, k, ...r])
  let e[...l, k, ...r] = exp(x[...l, k, ...r] - m[...l, ...r])
  let z[...l, ...r] = 1 / (sum(k) e[...l, k, ...r])
  return p[...l, k, ...r] = e[...l, k, ...r] * z[...l, ...r]
}

/// The logarithm of `softmax`, exact where softmax underflows.
///
/// Shapes: x [...L, K, ...R] -> the same. Formula: x[k] - m - log(sum(j) exp(x[j] - m)), m = max(j) x[j].
/// Source: Goodfellow et al., "Deep learning", 2016, section 4.1.
function log_softmax[T: float, ...L, K, ...R](x: T[...L, K, ...R], over: axis K) -> T[...L, K, ...R] {
  let m[...l, ...r] = stop_gradient(max(k) x[...l, k, ...r])
  let z[...l, ...r] = sum(k) exp(x[...l, k, ...r] - m[...l, ...r])
  return y[...l, k, ...r] = x[...l, k, ...r] - m[...l, ...r] - log(z[...l, ...r])
}

/// `softmax` over the last axis, whose gradient needs the result alone.
///
/// Shapes: x [...L, K] -> the same. Gradient: dx = p * (dp - sum(k) dp[k] * p[k]).
/// Source: Goodfellow et al., "Deep learning", 2016, section 4.1.
composite function row_softmax[T: float, ...L, K](x: T[...L, K]) -> (p: T[...L, K]) {
  let m[...l] = max(k) x[...l, k]
  let e[...l, k] = exp(x[...l, k] - m[...l])
  let z[...l] = 1 / (sum(k) e[...l, k])
  return p[...l, k] = e[...l, k] * z[...l]
} backward (dp) {
  let mean_dp[...l] = sum(k) dp[...l, k] * p[...l, k]
  return dx[...l, k] = p[...l, k] * (dp[...l, k] - mean_dp[...l])
}
