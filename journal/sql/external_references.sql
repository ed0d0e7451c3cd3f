-- Holds a matched line and an adjustment to a line that is there: both name it by its statement and its number.
ALTER TABLE journal_matchedline ADD CONSTRAINT matched_line_of_statement
    FOREIGN KEY (statement_id, number) REFERENCES journal_externalline (statement_id, number);
ALTER TABLE journal_externaladjustment ADD CONSTRAINT adjustment_of_line
    FOREIGN KEY (statement_id, number) REFERENCES journal_externalline (statement_id, number);
