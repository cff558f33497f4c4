// Scan with a carry, a stack and a captured tensor; a condition on a value; a bounded loop.
axis T = 6, H = 3, G = H

function recurrent(x: f64[T, H], w: f64[H, G], h0: f64[H]) -> f64 {
  let (last, seen) = scan t over T carry (h = h0) {
    let mixed[g: G] = sum(i: H) h[i] * w[i, g]
    let moved[i: H] = tanh(mixed[i] + x[t, i])
    next h = moved
    yield moved * h
  }
  return (sum(i) last[i]) + (sum(t, i) sin(seen[t, i]))
}

function chosen(x: f64[T, H], k: f64) -> f64 {
  let total = sum(t, i) x[t, i]
  let y = if total > 100.0 { yield total * k } else { yield sin(total) * k * k }
  return y
}

function looped(h0: f64[H], k: f64) -> f64 {
  let (h, n) = while n < 4 bound 10 carry (h = h0, n = 0) {
    next h = sin(h) * k + h0
    next n = n + 1
  }
  return sum(i) h[i]
}

function value(x: f64[T, H], w: f64[H, G], h0: f64[H], k: f64) -> f64 {
  return recurrent(x, w, h0) + chosen(x, k) + looped(h0, k)
}

entry loss(x: f64[T, H], w: f64[H, G], h0: f64[H], k: f64) -> (loss: f64) {
  return value(x, w, h0, k)
}

entry gradient(x: f64[T, H], w: f64[H, G], h0: f64[H], k: f64)
    -> (d_x: f64[T, H], d_w: f64[H, G], d_h0: f64[H], d_k: f64) {
  let y = value(x, w, h0, k)
  return grad(y, x), grad(y, w), grad(y, h0), grad(y, k)
}
