// RUN: %cleave-opt -split-input-file -verify-diagnostics %s

func.func private @k(%a: tensor<4xf32>) -> tensor<4xf32> attributes {cleave.kernel, cleave.rows = array<i64: 4>}
func.func @good(%x: tensor<4xf32, #model.axes<N>>, %s: tensor<3x4xf32>, %c: tensor<i8>) -> tensor<3x4xf32> {
  %0 = pipe.launch @k(%x) {names = ["y"], places = [#pipe.place<output 1, 64, [depth 0 * 16, depth 1 * 4]>]}
    : (tensor<4xf32, #model.axes<N>>) -> tensor<4xf32, #model.axes<N>>
  %1:2 = pipe.loop count 3 over "T" carries(%0) slices(%s) {
  ^bb0(%i: tensor<i64>, %h: tensor<4xf32>, %e: tensor<4xf32>):
    %2 = pipe.if %c {
      pipe.yield %h : tensor<4xf32>
    } else {
      pipe.yield %e : tensor<4xf32>
    } : tensor<i8> -> (tensor<4xf32>)
    pipe.yield %2, %e : tensor<4xf32>, tensor<4xf32>
  } : (tensor<4xf32, #model.axes<N>>), (tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>)
  return %1#1 : tensor<3x4xf32>
}

// -----

func.func @kernel(%x: tensor<4xf32>) {
  // expected-error @below {{launches an unknown kernel, got: @none}}
  %0 = pipe.launch @none(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func private @k(%a: tensor<4xf32>) -> tensor<4xf32> attributes {cleave.kernel, cleave.rows = array<i64: 4>}
func.func @argument(%x: tensor<5xf32>) {
  // expected-error @below {{argument 0: expected 'tensor<4xf32>', got: 'tensor<5xf32>'}}
  %0 = pipe.launch @k(%x) : (tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

func.func private @k(%a: tensor<4xf32>) -> tensor<4xf32> attributes {cleave.kernel, cleave.rows = array<i64: 4>}
func.func @places(%x: tensor<4xf32>) {
  // expected-error @below {{places: expected one per value (1), got: 2}}
  %0 = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>, #pipe.place<scratch, 64>]} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slices(%s: tensor<4x4xf32>) {
  // expected-error @below {{slices and stacks need a leading axis of size 3, got: 'tensor<4x4xf32>'}}
  pipe.loop count 3 over "T" carries() slices(%s) {
  ^bb0(%i: tensor<i64>, %e: tensor<4xf32>):
    pipe.yield
  } : (), (tensor<4x4xf32>) -> ()
  return
}

// -----

func.func @yields(%x: tensor<4xf32>) {
  // expected-error @below {{yielded value: expected 1 values, got: 0}}
  %0 = pipe.loop count 3 over "T" carries(%x) slices() {
  ^bb0(%i: tensor<i64>, %h: tensor<4xf32>):
    pipe.yield
  } : (tensor<4xf32>), () -> (tensor<4xf32>)
  return
}

// -----

func.func @condition(%c: tensor<f32>) {
  // expected-error @below {{condition must be a scalar of one byte, got: 'tensor<f32>'}}
  pipe.if %c {
    pipe.yield
  } else {
    pipe.yield
  } : tensor<f32> -> ()
  return
}

// -----

// expected-error @below {{expected a region (state, scratch, constant, input, output), got: heap}}
func.func @region() attributes {a = #pipe.place<heap, 0>} {
  return
}

// -----

// Accepted: parts that are the whole together.
func.func @pack(%a: tensor<4xf32>, %b: tensor<2x3xf32>) {
  %0 = pipe.pack(%a, %b) : (tensor<4xf32>, tensor<2x3xf32>) -> tensor<10xf32>
  %1:2 = pipe.unpack %0 : (tensor<10xf32>) -> (tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @less(%a: tensor<4xf32>, %b: tensor<2x3xf32>) {
  // expected-error @below {{has parts that are the whole together, got: 10 elements of 12}}
  %0 = pipe.pack(%a, %b) : (tensor<4xf32>, tensor<2x3xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @mixed(%a: tensor<4xf32>) {
  // expected-error @below {{has parts of the whole's elements, got: 'tensor<2xf64>' of 'tensor<4xf32>'}}
  %0:2 = pipe.unpack %a : (tensor<4xf32>) -> (tensor<2xf64>, tensor<2xf32>)
  return
}
