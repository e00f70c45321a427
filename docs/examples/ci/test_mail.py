"""A CI job in Python:  maillab run -- python3 test_mail.py"""
import imaplib
import os
import poplib
import smtplib
import unittest


def address(service):
    host, port = os.environ["MAILLAB_" + service].rsplit(":", 1)
    return host, int(port)


def account(n):
    return os.environ[f"MAILLAB_USER_{n}"], os.environ[f"MAILLAB_PASSWORD_{n}"]


class Mail(unittest.TestCase):
    def test_sent_by_smtp_read_by_pop3_and_imap(self):
        sender, _ = account(1)
        user, password = account(4)
        domain = os.environ["MAILLAB_DOMAIN"]
        with smtplib.SMTP(*address("SMTP")) as smtp:
            refused = smtp.sendmail(f"{sender}@{domain}", [f"{user}@{domain}"], "Subject: from Python\r\n\r\nHello.\r\n")
        self.assertEqual({}, refused)

        pop = poplib.POP3(*address("POP3"))
        pop.user(user)
        pop.pass_(password)
        self.assertIn(b"Subject: from Python", pop.retr(1)[1])
        pop.quit()

        with imaplib.IMAP4(*address("IMAP")) as imap:
            imap.login(user, password)
            imap.select("INBOX")
            self.assertEqual([b"1"], imap.search(None, "SUBJECT", '"from Python"')[1])

    def test_nobody(self):
        with smtplib.SMTP(*address("SMTP")) as smtp:
            with self.assertRaises(smtplib.SMTPRecipientsRefused):
                smtp.sendmail("a@example.org", ["nobody@" + os.environ["MAILLAB_DOMAIN"]], "Subject: x\r\n\r\n")


if __name__ == "__main__":
    unittest.main()
