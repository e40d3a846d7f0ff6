"""The sha256 of the demo's files, which have the same bits on every machine."""

SHA256 = {
    "records": "de6cbce5beb1accba0b954674832f7bac86de988fc1fc86749d4abe874b60b2a",
    "annotations": "4d038399ad649e0b771024118ce6533150d0f9eb23fc656764a78e8ed2eda827",
    "fp32 graph": "257c25b55a7305a4b3754ac373a6656ded3e6544e4f94218c809c5055e0a0d65",
    "bf16 graph": "4a19c4a46f979fcb42dbca086af5cfdf4fa84382196712c51ca5080d926fd205",
    "int8 graph": "f6eb7cd909096250512c782c6d4d475f5dd4b100ce5521a035ae7a0e9533a95b",
}
CAUSE = (
    "Pillow or TensorFlow has another version than pyproject.toml says, the sources were changed, or a file is damaged:"
    " delete it, and run the command again."
)
