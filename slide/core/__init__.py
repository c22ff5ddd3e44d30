"""What SLIDE is, independent of how it is computed, in rooms; imports go from right to left:

errors < contract < examples < settings < learner < sampled, direct < learners < models < runs.

May import nothing else of the engine; `tests/test_rooms.py` reads all imports and says so.
"""

from slide.core.moved import install

install()
