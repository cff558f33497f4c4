// Scalar functions of one argument, each with an input of its own, so that no error hides behind a large gradient.
axis N = 7

function weighted(y: f64[N]) -> f64 {
  return sum(n) y[n] * (1 + 0.3 * f64(n))
}

function value(e: f64[N], l: f64[N], p: f64[N], m: f64[N], s: f64[N], r: f64[N], t: f64[N], f: f64[N], i: f64[N],
               c: f64[N], a: f64[N], n: f64[N]) -> f64 {
  let exponentials = weighted(exp(e)) + weighted(log(l + 2)) + weighted(log1p(p * 0.5)) + weighted(expm1(m))
  let roots = weighted(sqrt(s + 2)) + weighted(rsqrt(r + 2))
  let waves = weighted(tanh(t)) + weighted(erf(f)) + weighted(sin(3 * i)) + weighted(cos(3 * c))
  return exponentials + roots + waves + weighted(abs(a)) + weighted(-n * n)
}

entry loss(e: f64[N], l: f64[N], p: f64[N], m: f64[N], s: f64[N], r: f64[N], t: f64[N], f: f64[N], i: f64[N],
           c: f64[N], a: f64[N], n: f64[N]) -> (loss: f64) {
  return value(e, l, p, m, s, r, t, f, i, c, a, n)
}

entry gradient(e: f64[N], l: f64[N], p: f64[N], m: f64[N], s: f64[N], r: f64[N], t: f64[N], f: f64[N], i: f64[N],
               c: f64[N], a: f64[N], n: f64[N])
    -> (d_e: f64[N], d_l: f64[N], d_p: f64[N], d_m: f64[N], d_s: f64[N], d_r: f64[N], d_t: f64[N], d_f: f64[N],
        d_i: f64[N], d_c: f64[N], d_a: f64[N], d_n: f64[N]) {
  let y = value(e, l, p, m, s, r, t, f, i, c, a, n)
  return grad(y, e), grad(y, l), grad(y, p), grad(y, m), grad(y, s), grad(y, r), grad(y, t), grad(y, f), grad(y, i),
         grad(y, c), grad(y, a), grad(y, n)
}
