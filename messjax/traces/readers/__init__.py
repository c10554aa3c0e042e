"""One reader per published format: a file or folder to a `Recording`. `traces.formats` knows them all."""
