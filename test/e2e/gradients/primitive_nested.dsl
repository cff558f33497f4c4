// Control flow in control flow: conditions, bounded loops, composites, gathers and gradients inside scans.
axis T = 4, N = 3, K = 2

composite function bent(x: f64[N]) -> f64[N] {
  residual s = tanh(x)
  return x * s
} backward (dy) {
  return dy * (s + x * (1 - s * s))
}

// A loop inside a scan, whose number of turns depends on an integer carry.
function turned(x: f64[T, N], h0: f64[N]) -> f64 {
  let (last, turns) = scan t over T carry (h = h0, n = 0) {
    let (g, m) = while m < n + 1 bound 6 carry (g = h, m = 0) {
      next g = sin(g) + 0.5 * h
      next m = m + 1
    }
    let moved[i: N] = g[i] * x[t, i]
    next h = moved
    next n = n + 1
  }
  return sum(i) last[i]
}

// A condition on the counter and a composite inside a scan; what is returned is stacked.
function switched(x: f64[T, N], h0: f64[N]) -> f64 {
  let (last, seen) = scan t over T carry (h = h0) {
    let row[i: N] = x[t, i]
    let y = if t % 2 == 0 { yield bent(row) * h } else { yield row + h * h }
    next h = y
    yield y * row
  }
  return (sum(i) last[i]) + (sum(t, i) sin(seen[t, i]))
}

// Steps down a gradient inside a scan: the gradient of what they reach goes through them.
function descended(w: f64[N, K], h0: f64[N]) -> f64 {
  let last = scan t over T carry (h = h0) {
    let y[k] = sum(i) h[i] * w[i, k]
    let energy = sum(k) sin(y[k]) * y[k]
    next h = h - 0.1 * grad(energy, h)
  }
  return sum(i) last[i] * last[i]
}

function value(x: f64[T, N], w: f64[N, K], h0: f64[N]) -> f64 {
  return turned(x, h0) + switched(x, h0) + descended(w, h0)
}

entry loss(x: f64[T, N], w: f64[N, K], h0: f64[N]) -> (loss: f64) {
  return value(x, w, h0)
}

entry gradient(x: f64[T, N], w: f64[N, K], h0: f64[N]) -> (d_x: f64[T, N], d_w: f64[N, K], d_h0: f64[N]) {
  let y = value(x, w, h0)
  return grad(y, x), grad(y, w), grad(y, h0)
}
