#!/usr/bin/env python3
"""Records what the `tokenizers` library makes of some texts, for test/unit/text.

Trains two small byte-level BPEs on this repository's documentation, in the forms that GPT-2 and Llama 3 publish, and writes
them with the ids of each text: test/unit/text/reference/{gpt2,llama3}.json and texts.json.
Needs the Python package `tokenizers`.
"""
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "test", "unit", "text", "reference")
VOCAB = 480
# Source: the tokenizer.json of Llama 3.
LLAMA = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")

TEXTS = [
    "", " ", "  ", "\n", "\n\n\n", " \n ", "\t\t", "a", "Hello", "Hello, world!", " Hello  world ", "Hello\nworld\r\n",
    "The quick brown fox jumps over the lazy dog.", "I'm sure we'll say it's they've you'd can't we're", "I'M SURE WE'LL IT'S",
    "don't'stop''s", "1", "12", "1234567890", "3.14159e-10", "x1y22z333w4444", "a_b-c+d=e/f", "layer.weight[0] = {1: 'x'};",
    "def f(x):\n    return x + 1\n\n\nclass A:\n\tpass\n", "trailing spaces   ", "   leading", "a  b   c    d", "\u00a0nbsp\u00a0",
    "café naïve résumé Ångström", "cafe\u0301 e\u0301\u0302", "Ελληνικά Кириллица", "שלום עולם مرحبا بالعالم", "你好，世界！", "こんにちは世界",
    "안녕하세요", "สวัสดีชาวโลก", "नमस्ते दुनिया", "😀", "😀😃😄 🎉", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷 flags", "👍🏽", "☃️ snow", "½ ² ³ Ⅻ ① ٣ ४",
    "ſ'ſ 'S 'ſ", "\u0085nel\u2028ls\u2029ps", "\u180e\u200b\u200d\ufeff", "\u3000ideographic\u3000space", "ǅ ß ﬁ İ ı", "a\u0000b", "\x01\x7f",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𓀀", "\ud7ff\ue000\U0010ffff", "http://example.com/?q=1&r=2#frag", "emoji😀inside", "word😀 word", "....", "!?!?", "---\n---",
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|endoftext", "<|begin_of_text|>Hi<|eot_id|>\n\n", " <|eot_id|> x",
    "[PAD]", "x[PAD]y", "x [STRIP]  y", "x  [STRIP]y", "word WORD Word", "aWORDb WORD, (WORD)", "WORDWORD", "éWORDé",
    "Once upon a time, there was a compiler. It read programs, 42 of them, and said: \"E101\"!\n",
]


def corpus():
    for folder in ("", "lang", "stdlib", "runtime", "compiler"):
        with open(os.path.join(ROOT, folder, "README.md"), encoding="utf-8") as file:
            yield file.read()
    yield " ".join(TEXTS) * 2


def train(pre_tokenizer, added):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens(added)
    return tokenizer


def gpt2():
    tokenizer = train(pre_tokenizers.ByteLevel(add_prefix_space=False), [
        AddedToken("[STRIP]", lstrip=True, rstrip=True), AddedToken("WORD", single_word=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def llama3():
    split = pre_tokenizers.Split(Regex(LLAMA), behavior="isolated", invert=False)
    tokenizer = train(pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), [])
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>"])
    tokenizer.add_tokens(["[PAD]"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[("<|begin_of_text|>", begin)])])
    written = json.loads(tokenizer.to_str())
    written["model"]["ignore_merges"] = True
    return Tokenizer.from_str(json.dumps(written))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    made = {"gpt2": gpt2(), "llama3": llama3()}
    for name, tokenizer in made.items():
        with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as file:
            file.write(tokenizer.to_str(pretty=False) + "\n")
    texts = [{"text": text,
              **{name: tokenizer.encode(text).ids for name, tokenizer in made.items()},
              **{name + "_decoded": tokenizer.decode(tokenizer.encode(text).ids) for name, tokenizer in made.items()}}
             for text in TEXTS]
    with open(os.path.join(FOLDER, "texts.json"), "w", encoding="utf-8") as file:
        json.dump(texts, file, ensure_ascii=True, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
