function relu[T: float, ...L](x: T[...L]) -> T[...L] {
  return y[...l] = maximum(x[...l], 0)
}

composite function softmax[T: float, K, ...L](x: T[...L, K]) -> (y: T[...L, K]) {
  residual m[...l] = max(k) x[...l, k]
  let e[...l, k] = exp(x[...l, k] - m[...l])
  return y[...l, k] = e[...l, k] / (sum(j) e[...l, j])
} backward (dy) {
  return dx[...l, k] = y[...l, k] * (dy[...l, k] - sum(j) dy[...l, j] * y[...l, j])
}

layer Linear[T: float, In, Out, ...L](x: T[...L, In]) -> T[...L, Out] {
  param w: T[In, Out] = normal(std: 1 / sqrt(In))
  param b: T[Out] = 0
  return y[...l, o] = (sum(i) x[...l, i] * w[i, o]) + b[o]
}
