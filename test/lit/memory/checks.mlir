// RUN: %cleave-opt --verify-memory-stage -split-input-file -verify-diagnostics %s

// Each rejected plan stands behind the accepted one that it was made from.

// Two values alive at once lie apart.
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func private @add(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @apart(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %b = pipe.launch @k(%x) {places = [#pipe.place<scratch, 64>]} : (tensor<16xf32>) -> tensor<16xf32>
  %y = pipe.launch @add(%a, %b) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func private @add(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @overlap(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %b = pipe.launch @k(%x) {places = [#pipe.place<scratch, 32>]} : (tensor<16xf32>) -> tensor<16xf32>
  // expected-error @below {{a place must still hold the value that is read there, got something else for operand 0}}
  %y = pipe.launch @add(%a, %b) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func private @add(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @outside(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 100 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  // expected-error @below {{a value must lie inside its region, got: bytes 64 to 128 of 100 in scratch}}
  %b = pipe.launch @k(%x) {places = [#pipe.place<scratch, 64>]} : (tensor<16xf32>) -> tensor<16xf32>
  %y = pipe.launch @add(%a, %b) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// In place only where the kernel allows it.
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func @inplace(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %b = pipe.launch @k(%a) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %y = pipe.launch @k(%b) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @not_inplace(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  // expected-error @below {{a result may overlap an operand only where the action works in place, got: result 0 and operand 0}}
  %b = pipe.launch @k(%a) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %y = pipe.launch @k(%b) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func @input(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  // expected-error @below {{inputs and constants must not be written, got: #pipe.place<input 0, 0>}}
  %a = pipe.launch @k(%x) {places = [#pipe.place<input 0, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  %y = pipe.launch @k(%a) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>}
func.func @elsewhere(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %y = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  // expected-error @below {{a result must lie where the entry says, got: #pipe.place<scratch, 0>}}
  return %y : tensor<16xf32>
}

// -----

// State is written behind the guards.
module attributes {pipe.state_bytes = 64 : i64} {
model.state @s path "s" kind "param" : tensor<16xf32> {pipe.offset = 0 : i64}
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func private @sum(%a: tensor<16xf32>) -> tensor<f32> attributes {cleave.kernel, cleave.rows = array<i64>}
func.func @state(%s: tensor<16xf32> {model.state = @s, pipe.place = #pipe.place<state, 0>}) -> (tensor<f32> {model.output = "loss", pipe.place = #pipe.place<output 0, 0>}, tensor<16xf32> {model.state = @s, pipe.place = #pipe.place<state, 0>}) attributes {model.entry, pipe.scratch_bytes = 0 : i64} {
  %l = pipe.launch @sum(%s) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<f32>
  pipe.guard %l for "loss" : tensor<f32>
  %t = pipe.launch @k(%s) {places = [#pipe.place<state, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  return %l, %t : tensor<f32>, tensor<16xf32>
}
}

// -----

module attributes {pipe.state_bytes = 64 : i64} {
model.state @s path "s" kind "param" : tensor<16xf32> {pipe.offset = 0 : i64}
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func private @sum(%a: tensor<16xf32>) -> tensor<f32> attributes {cleave.kernel, cleave.rows = array<i64>}
func.func @early(%s: tensor<16xf32> {model.state = @s, pipe.place = #pipe.place<state, 0>}) -> (tensor<f32> {model.output = "loss", pipe.place = #pipe.place<output 0, 0>}, tensor<16xf32> {model.state = @s, pipe.place = #pipe.place<state, 0>}) attributes {model.entry, pipe.scratch_bytes = 0 : i64} {
  %l = pipe.launch @sum(%s) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<f32>
  // expected-error @below {{state must be written behind all guards and asserts, got 1 still to come}}
  %t = pipe.launch @k(%s) {places = [#pipe.place<state, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
  pipe.guard %l for "loss" : tensor<f32>
  return %l, %t : tensor<f32>, tensor<16xf32>
}
}

// -----

// A carry is where the next turn looks for it.
func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func @carry(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %i = pipe.copy %x {places = [#pipe.place<output 0, 0>]} : tensor<16xf32>
  %y = pipe.loop count 8 over "T" carries(%i) slices() {
  ^bb0(%t: tensor<i64>, %c: tensor<16xf32>):
    %n = pipe.launch @k(%c) {places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
    pipe.yield %n : tensor<16xf32>
  } {arg_places = [#pipe.place<scratch, 64>, #pipe.place<output 0, 0>], places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>), () -> (tensor<16xf32>)
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<16xf32>) -> tensor<16xf32> attributes {cleave.kernel, cleave.rows = array<i64: 16>, cleave.inplace = array<i64: 0, 0>}
func.func @lost(%x: tensor<16xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 128 : i64} {
  %i = pipe.copy %x {places = [#pipe.place<output 0, 0>]} : tensor<16xf32>
  // expected-error @below {{a place must still hold the value that is read there, got something else for carry 0}}
  %y = pipe.loop count 8 over "T" carries(%i) slices() {
  ^bb0(%t: tensor<i64>, %c: tensor<16xf32>):
    %n = pipe.launch @k(%c) {places = [#pipe.place<scratch, 0>]} : (tensor<16xf32>) -> tensor<16xf32>
    pipe.yield %n : tensor<16xf32>
  } {arg_places = [#pipe.place<scratch, 64>, #pipe.place<output 0, 0>], places = [#pipe.place<output 0, 0>]} : (tensor<16xf32>), () -> (tensor<16xf32>)
  return %y : tensor<16xf32>
}

// -----

// A rank's block lies in the whole that is gathered from it, at the block's own place.
func.func private @k(%a: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>, cleave.inplace = array<i64: 0, 0>}
dist.mesh @m ["dp"] = [2]
func.func @block(%x: tensor<8xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<output 0, 0, over @m [#dist.axis<"dp">] * 32>]} : (tensor<8xf32>) -> tensor<8xf32>
  %y = comm.all_gather %a dim 0 over @m [#dist.axis<"dp">] {places = [#pipe.place<output 0, 0>]} : tensor<8xf32> -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

func.func private @k(%a: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>, cleave.inplace = array<i64: 0, 0>}
dist.mesh @m ["dp"] = [2]
func.func @other_block(%x: tensor<8xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<16xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry} {
  %a = pipe.launch @k(%x) {places = [#pipe.place<output 0, 0>]} : (tensor<8xf32>) -> tensor<8xf32>
  // expected-error @below {{a result may overlap an operand only where the action works in place, got: result 0 and operand 0}}
  %y = comm.all_gather %a dim 0 over @m [#dist.axis<"dp">] {places = [#pipe.place<output 0, 0>]} : tensor<8xf32> -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// The last rank's block too is inside its region.
func.func private @k(%a: tensor<8xf32>) -> tensor<8xf32> attributes {cleave.kernel, cleave.rows = array<i64: 8>, cleave.inplace = array<i64: 0, 0>}
dist.mesh @m ["dp"] = [4]
func.func @last(%x: tensor<8xf32> {model.input = "x", pipe.place = #pipe.place<input 0, 0>}) -> (tensor<8xf32> {model.output = "y", pipe.place = #pipe.place<output 0, 0>}) attributes {model.entry, pipe.scratch_bytes = 100 : i64} {
  // expected-error @below {{a value must lie inside its region, got: bytes 96 to 128 of 100 in scratch}}
  %a = pipe.launch @k(%x) {places = [#pipe.place<scratch, 0, over @m [#dist.axis<"dp">] * 32>]} : (tensor<8xf32>) -> tensor<8xf32>
  %y = pipe.launch @k(%a) {places = [#pipe.place<output 0, 0>]} : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
