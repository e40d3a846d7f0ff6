"""The sha256 of the demo's files, which have the same bits on every machine."""

SHA256 = {
    "records": "de6cbce5beb1accba0b954674832f7bac86de988fc1fc86749d4abe874b60b2a",
    "annotations": "4d038399ad649e0b771024118ce6533150d0f9eb23fc656764a78e8ed2eda827",
    "fp32 graph": "7fe617373fc385ceff5b72ff4126c383c020f27f175160ed2c2d0fa1f1c331ee",
    "bf16 graph": "233fa583f1c477192daec946dfe05b7e4a30f07a1afcd9a326287ad426941f70",
    "int8 graph": "faa40c64b7a17298ad15ad9b965f25e331bcb83f32459683f668080fe8abce00",
}
CAUSE = (
    "Pillow or TensorFlow has another version than pyproject.toml says, the sources were changed, or a file is damaged:"
    " delete it, and run the command again."
)
