// Affine windows: shifted, strided, dilated, overlapping, reversed, with values outside; slices and padding.
axis N = 9, Window = 3, Half = N / 2, Padded = N + 4, Part = N - 5

function value(a: f64[N], b: f64[N], c: f64[N], d: f64[N], w: f64[Window], o: f64) -> f64 {
  let same[n: N] = sum(u: Window) (a[n + u - 1] outside 0) * w[u]
  let strided[h: Half] = sum(u: Window) (b[2 * h + u - 1] outside 0.25) * w[u] * o
  let dilated[p: Part] = sum(u: Window) c[p + 2 * u] * w[u]
  let backwards[n: N] = d[N - 1 - n] * same[n]
  let padded[q: Padded] = d[q - 2] outside 0.5
  let part[p: Part] = d[p + 3]
  let greatest[h: Half] = max(u: Window) (b[2 * h + u] outside -inf)
  return (sum(n) (sin(same[n]) + backwards[n])) + (sum(h) strided[h] * greatest[h]) + (sum(p) dilated[p] * part[p])
      + (sum(q) padded[q] * padded[q])
}

entry loss(a: f64[N], b: f64[N], c: f64[N], d: f64[N], w: f64[Window], o: f64) -> (loss: f64) {
  return value(a, b, c, d, w, o)
}

entry gradient(a: f64[N], b: f64[N], c: f64[N], d: f64[N], w: f64[Window], o: f64)
    -> (d_a: f64[N], d_b: f64[N], d_c: f64[N], d_d: f64[N], d_w: f64[Window], d_o: f64) {
  let y = value(a, b, c, d, w, o)
  return grad(y, a), grad(y, b), grad(y, c), grad(y, d), grad(y, w), grad(y, o)
}
