"""`cleave generate` continues prompts with the examples that read published weights, as the `transformers` library does."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Suite, expect

suite = Suite(__doc__)

REFERENCE = os.path.join(ROOT, "test", "unit", "text", "reference")
LLAMA = {"Vocab": 96, "Embed": 32, "KeyHeads": 2, "Group": 2, "Head": 8, "Hidden": 40, "Layers": 3, "Context": 32,
         "Seq": 4, "rope_base": 10000.0, "rope_factor": 8.0, "rope_trained": 32.0}
GPT2 = {"Vocab": 96, "Embed": 32, "Heads": 4, "Layers": 2, "Positions": 64, "Context": 32, "Seq": 4}
MODELS = {"llama": ("examples/05_llama/llama.dsl", LLAMA), "gpt2": ("examples/05_gpt2/gpt2.dsl", GPT2)}


def reference(name):
    with open(os.path.join(REFERENCE, name, "prompts.json"), encoding="utf-8") as file:
        return json.load(file)


def ids(prompt):
    return ",".join(map(str, prompt))


def generate(name, *arguments, weights=None, batch=1, **options):
    program, sizes = MODELS[name]
    sets = [f"--set={key}={value}" for key, value in {**sizes, "Batch": batch}.items()]
    weights = weights or os.path.join(REFERENCE, name)
    return suite.cleave("generate", program, "--weights", weights, *sets, *arguments, **options)


def sequences(done):
    return json.loads(done.stdout)["sequences"]


for name in MODELS:
    @suite.test(f"{name}: tokens one after the other")
    def _(name=name):
        record = reference(name)
        for prompt, made in zip(record["prompts"], record["made"]):
            done = generate(name, "--ids", ids(prompt), "--tokens", len(made), "--quiet")
            expected = made[:made.index(95)] if 95 in made else made  # the end of its configuration
            expect(done.stdout.split() == list(map(str, expected)), f"the tokens are {expected}; found {done.stdout!r}")

    @suite.test(f"{name}: a batch of prompts, as JSON")
    def _(name=name):
        record = reference(name)
        prompts = [item for prompt in record["prompts"] for item in ("--ids", ids(prompt))]
        found = sequences(generate(name, *prompts, "--tokens", 3, "--json", batch=2))
        expect([item["prompt"] for item in found] == record["prompts"], f"prompts are told; found {found}")
        for item, made in zip(found, record["made"]):
            expected = made[:3]
            expected = expected[:expected.index(95)] if 95 in expected else expected
            expect(item["tokens"] == expected, f"the tokens are {expected}; found {item}")

    @suite.test(f"{name}: sampling depends on the seed alone")
    def _(name=name):
        def drawn(*arguments):
            return sequences(generate(name, "--ids", "1,2,3", "--tokens", 12, "--json", "--input", "temperature=2",
                                      "--input", "top_k=40", "--input", "top_p=0.95", *arguments))[0]["tokens"]
        first = drawn("--seed", 1, "--threads", 1)
        expect(first == drawn("--seed", 1, "--threads", 2), "the same seed draws the same tokens")
        expect(first != drawn("--seed", 2), "another seed draws others")

    @suite.test(f"{name}: ranks that share the products make the same tokens")
    def _(name=name):
        record = reference(name)
        for prompt, made in zip(record["prompts"], record["made"]):
            plan = ("--plan", "tensor", "--mesh", "tp=2")
            done = generate(name, *plan, "--ids", ids(prompt), "--tokens", len(made), "--quiet")
            expected = made[:made.index(95)] if 95 in made else made
            expect(done.stdout.split() == list(map(str, expected)), f"the tokens are {expected}; found {done.stdout!r}")

    @suite.test(f"{name}: an artefact made under a plan makes them too")
    def _(name=name):
        program, sizes = MODELS[name]
        artefact = suite.path(f"{name}.cleave")
        sets = [f"--set={key}={value}" for key, value in {**sizes, "Batch": 2}.items()]
        suite.cleave("build", program, *sets, "--plan", "data", "--mesh", "dp=2", "-o", artefact)
        record = reference(name)
        prompts = [item for prompt in record["prompts"] for item in ("--ids", ids(prompt))]
        done = suite.cleave("generate", artefact, "--weights", os.path.join(REFERENCE, name), *prompts, "--tokens", 1, "--json")
        found = [item["tokens"] for item in sequences(done)]
        expect(found == [made[:1] if made[0] != 95 else [] for made in record["made"]], f"found {found}")


@suite.test("text with the tokenizer beside the weights")
def _():
    folder = suite.path("weights")
    shutil.copytree(os.path.join(REFERENCE, "llama"), folder)
    with open(os.path.join(REFERENCE, "gpt2.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    # The first 96 tokens are bytes: text of them alone.
    kept = {token: id for token, id in tokenizer["model"]["vocab"].items() if id < 96}
    tokenizer["model"].update(vocab=kept, merges=[])
    tokenizer["added_tokens"] = tokenizer["added_tokens"][:1]
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)
    byte = {id: token for token, id in kept.items()}
    prompt = [40, 37, 44, 44, 47]
    text = "".join(byte[id] for id in prompt)
    by_text = sequences(generate("llama", "--prompt", text, "--tokens", 5, "--json", weights=folder))[0]
    by_ids = sequences(generate("llama", "--ids", ids(prompt), "--tokens", 5, "--json", weights=folder))[0]
    expect(by_text["prompt"] == prompt and by_text == by_ids, f"text is its tokens; found {by_text} and {by_ids}")
    expect(by_text["text"] == "".join(byte[id] for id in by_text["tokens"]), f"tokens are their text; found {by_text}")
    streamed = generate("llama", "--prompt", text, "--tokens", 5, weights=folder)
    expect(streamed.stdout == by_text["text"] + "\n", f"what is streamed is the text; found {streamed.stdout!r}")
    expect("tokens/s" in streamed.stderr, f"the speed is told; found {streamed.stderr!r}")
    stop = by_text["text"][1]
    stopped = generate("llama", "--prompt", text, "--tokens", 5, "--stop", stop, "--quiet", weights=folder)
    expected = by_text["text"].split(stop)[0]
    expect(stopped.stdout.strip("\n") == expected, f"{stop!r} ends the text; found {stopped.stdout!r}")


@suite.test("an artefact generates")
def _():
    program, sizes = MODELS["llama"]
    artefact = suite.path("llama.cleave")
    suite.cleave("build", program, "-o", artefact, *[f"--set={key}={value}" for key, value in sizes.items()])
    record = reference("llama")
    done = suite.cleave("generate", artefact, "--weights", os.path.join(REFERENCE, "llama"), "--ids",
                        ids(record["prompts"][0]), "--tokens", 4, "--quiet")
    expect(done.stdout.split() == list(map(str, record["made"][0][:4])), f"found {done.stdout!r}")


@suite.test("bad input is refused with its reason")
def _():
    def refused(words, *arguments, status=1, **options):
        done = generate("llama", *arguments, status=status, **options)
        expect(words in " ".join(done.stderr.split()), f"the diagnostic has the words {words!r}; found {done.stderr}")

    refused("error[E517]: text needs a tokenizer", "--prompt", "x")
    refused("error[E517]: token ids are whole numbers with commas between them, found '1,x'", "--ids", "1,x")
    refused("error[E517]: a sequence stops at a token, found no token 'end'", "--ids", "1", "--stop", "end")
    refused("error[E701]: an entry must be one of the program's, found 'decoed'", "--ids", "1", "--decode", "decoed")
    refused("error[E504]: a number is the value of a scalar input whose type holds it, found 0.5 for 'top_k', i32",
            "--ids", "1", "--input", "top_k=0.5")
    refused("error[E510]", "--ids", "1", "--input", "temprature=1")
    refused("step 0: a position must be inside the table f32[Vocab, Embed]", "--ids", "1,96", status=3)
    refused("error[E615]: a tensor must have the shape that the program's weights give it", "--ids", "1", "--set=Embed=64")
    refused("error[E620]: a tokenizer must be readable", "--ids", "1", "--tokenizer", "none.json")
    refused("error[E601]: a weight file must be readable", "--ids", "1", weights="none.safetensors")
    usage = suite.cleave("generate", MODELS["llama"][0], status=2)
    expect("--prompt or --ids" in usage.stderr, f"usage is told; found {usage.stderr!r}")


suite.main()
