// States that a layer of a repeat sets are written where they lie, a row at a time: no copy of the whole.
// RUN: env CLEAVE_VERIFY_STAGES=1 %cleave ir %s --stage exec | FileCheck %s
axis Rows = 64, Width = 8, Layers = 3

layer Cell(x: f32[Width], at: i32) -> f32[Width] {
  state rows: f32[Rows, Width] = 0
  set rows[r, w] = scatter set () x[w] at r = at into rows
  return y[w] = mean(r) rows[r, w]
}

layer Cells(x: f32[Width], at: i32) -> f32[Width] {
  repeat cells[Layers] = Cell
  return cells(x, at)
}

layer cells = Cells

// CHECK-LABEL: entry push
// CHECK:         loop 3 times
// CHECK:           launch {{.*}}(state+[[AT:[0-9]+ \+2048\*c0]] {{.*}}"cells.cells[*].rows"{{.*}} -> (state+[[AT]]
// CHECK-NOT:     copy {{.*}}Rows
entry push(x: f32[Width], at: i32) -> (y: f32[Width]) {
  return cells(x, at)
}

// What the old rows are still wanted for is worked out first: they are kept, and the new ones copied over them.
layer Mover(x: f32[Width], at: i32) -> f32[Width] {
  state rows: f32[Rows, Width] = 0
  let old = rows
  set rows[r, w] = scatter set () x[w] at r = at into old
  let fresh = sum(r, w) rows[r, w]
  return y[w] = fresh * (sum(r) old[r, w])
}

layer Movers(x: f32[Width], at: i32) -> f32[Width] {
  repeat movers[Layers] = Mover
  return movers(x, at)
}

layer movers = Movers

// CHECK-LABEL: entry move
// CHECK:         loop 3 times
// CHECK:           copy (scratch{{.*}}f32[Rows = 64, Width = 8]{{.*}}, state+{{[0-9]+ \+2048\*c0}} f32[Rows
entry move(x: f32[Width], at: i32) -> (y: f32[Width]) {
  return movers(x, at)
}
