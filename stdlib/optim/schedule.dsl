// Learning rates as functions of the step, all scalars.

/// Rises linearly to `peak` in `warm_up` steps, then stays.
///
/// Formula: peak * min(1, (step + 1) / warm_up).
/// Source: Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.
function linear_warm_up(step: i64, peak: f64, warm_up: i64) -> f64 {
  return peak * minimum(1, f64(step + 1) / f64(maximum(warm_up, 1)))
}

/// Rises linearly to `peak` in `warm_up` steps, then falls to `least` along half a cosine until step `steps`.
///
/// Formula after the rise: least + (peak - least) * (1 + cos(pi * x)) / 2, x = (step - warm_up) / (steps - warm_up),
/// at most 1.
/// Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.
function cosine(step: i64, peak: f64, steps: i64, warm_up: i64 = 0, least: f64 = 0) -> f64 {
  let x = f64(step - warm_up) / f64(maximum(steps - warm_up, 1))
  let fall = least + (peak - least) * 0.5 * (1 + cos(3.141592653589793 * minimum(maximum(x, 0), 1)))
  return where(step < warm_up, linear_warm_up(step, peak, warm_up), fall)
}
