"""SRC: files and streams, before anyone looks at what they say. YML: the syntax of YAML and JSON."""

from dra_policy.diagnostics.codes.entry import Code

READING_CODES = (
    Code(
        "SRC001",
        "file not found",
        "dra-policy check polices/",
        "dra-policy check policies/",
        "A path that names nothing is a slip of the fingers; going on without the file would check something else.",
    ),
    Code(
        "SRC002",
        "file is not UTF-8",
        "a file saved as Latin-1 or UTF-16",
        "the same file saved as UTF-8",
        "Names and texts are compared byte for byte with what drivers publish; a guessed encoding changes them.",
    ),
    Code(
        "SRC003",
        "file too large",
        "one file of 50 MB",
        "several files, or a folder",
        "A stated limit turns an endless wait into a message. The limits are far above what people write.",
    ),
    Code(
        "SRC004",
        "file cannot be read",
        "a file without read permission",
        "a readable file",
        "The operating system refused; its words are in the message.",
    ),
    Code(
        "SRC005",
        "nothing to read in a folder",
        "a folder without .dra, .yaml, .yml or .json files",
        "the folder that holds the policies or manifests",
        "An empty run that reports success hides a wrong path.",
    ),
    Code(
        "YML001",
        "not YAML or JSON",
        "name: [a, b",
        "name: [a, b]",
        "A parser that guesses where a bracket was meant to close reads another object than the one that was written.",
    ),
    Code(
        "YML002",
        "key is written twice",
        "count: 1 and count: 2 in one mapping",
        "one of them",
        "Tools differ in which of the two they take.",
    ),
    Code(
        "YML003",
        "nested too deeply",
        "101 brackets, one inside the other",
        "a structure of at most 100 levels",
        "No object of Kubernetes is that deep; a stated limit turns an attack or a slip into a message.",
    ),
    Code(
        "YML004",
        "alias cannot be used",
        "an alias without an anchor, or aliases of aliases that grow without end",
        "the value written out",
        "A few lines of aliases can stand for billions of values.",
    ),
    Code(
        "YML005",
        "key is not text",
        "on: true as a key, which YAML reads as a boolean",
        '"on": true',
        "JSON, which the API speaks, has texts as keys only; what a number or boolean becomes differs between tools.",
    ),
    Code(
        "YML006",
        "tag is not supported",
        "value: !!binary aGk=",
        "value: aGk=",
        "JSON has no place for tags.",
    ),
    Code(
        "YML007",
        "number that JSON does not have",
        "value: .inf",
        "a finite number",
        "The API speaks JSON, which has no infinities.",
    ),
)
