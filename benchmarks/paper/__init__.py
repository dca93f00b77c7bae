"""The paper's experiments: its networks beside what they were compared with."""
