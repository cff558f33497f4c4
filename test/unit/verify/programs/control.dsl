// A scan with a carry, a branch, a bounded loop, sorting, a gather and a scatter.
import optim

axis Batch = 6, Time = 4, Wide = 4, Wider = Wide, Buckets = 3

layer Net(x: f64[Batch, Time, Wide], place: i32[Batch]) -> f64 {
  param w: f64[Wide, Wider] = normal(std: 0.5)
  param table: f64[Buckets, Wide] = normal(std: 0.5)
  let start[b, i] = table[place[b], i]
  let (last, seen) = scan t over Time carry (h = start) {
    let mixed[b, g: Wider] = sum(i) h[b, i] * w[i, g]
    let moved[b, i: Wide] = tanh(mixed[b, i] + x[b, t, i])
    next h = moved
    yield moved * h
  }
  let total = sum(t, b, i) seen[t, b, i]
  let y = if total > 0.5 { yield total * 0.5 } else { yield sin(total) * total }
  let (z, n) = while n < 3 bound 5 carry (z = last, n = 0) {
    next z = sin(z) + last
    next n = n + 1
  }
  let per[b] = sum(i) z[b, i]
  let counted[v: Buckets] = scatter sum(b) per[b] at v = place[b]
  let order = argsort(per, over: Batch)
  let sorted[b] = per[order[b]]
  let ramp: f64 = sum(b) sorted[b] * f64(b)
  return y + 0.1 * ramp + sum(v) counted[v] * counted[v]
}

layer net = Net

entry train(x: f64[Batch, Time, Wide], place: i32[Batch]) -> (loss: f64) {
  let loss = net(x, place)
  update net with optim.Sgd(grad(loss, net), lr: 0.01)
  return loss
}
