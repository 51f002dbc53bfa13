"""The shipped lists of forced topics, one module per language. Data only; topics.py decides.

Phrases stand between commas, in the notation of phrases.py. A new language is a module and a line
here. Whoever changes a list raises TOPICS_VERSION; a test compares it with the lists' digest.
"""

from __future__ import annotations

from typing import Final

from ringfence.text.topic_tables import de, en, es, fr, it, pt

TOPICS_VERSION: Final = "1"

PHRASES: Final = {
    "en": en.PHRASES,
    "es": es.PHRASES,
    "fr": fr.PHRASES,
    "de": de.PHRASES,
    "pt": pt.PHRASES,
    "it": it.PHRASES,
}
HARMLESS: Final = {
    "en": en.HARMLESS,
    "es": es.HARMLESS,
    "fr": fr.HARMLESS,
    "de": de.HARMLESS,
    "pt": pt.HARMLESS,
    "it": it.HARMLESS,
}
