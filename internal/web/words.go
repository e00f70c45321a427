package web

import "fmt"

// words are what pages say, French and English.
func words() map[string][2]string {
	return map[string][2]string{
		"terminal":        {"Terminal", "Terminal"},
		"terminal.new":    {"Nouveau terminal", "New terminal"},
		"terminal.leave":  {"F6 : sortir du terminal", "F6: leave the terminal"},
		"terminal.away":   {"Le terminal ne s'ouvre pas : votre serveur ne répond pas. Essayez encore dans un moment.", "The terminal does not open: your server does not answer. Try again in a moment."},
		"terminal.over":   {"La session est terminée. Entrée en ouvre une autre.", "The session has ended. Enter opens another."},
		"terminal.lost":   {"Liaison perdue : l'écran revient tout seul.", "Connection lost: the screen comes back by itself."},
		"console.hello":   {"Ici, on parle à %s : telnet localhost 25 (SMTP), 110 (POP3), 143 (IMAP). help en dit plus.", "Here you speak with %s: telnet localhost 25 (SMTP), 110 (POP3), 143 (IMAP). help tells more."},
		"console.help":    {"telnet localhost PORT : 25 (SMTP), 110 (POP3), 143 (IMAP). Une ligne part à la touche Entrée ; flèches : corriger, reprendre ; Ctrl-D raccroche.", "telnet localhost PORT: 25 (SMTP), 110 (POP3), 143 (IMAP). A line is sent by Enter; arrows: correct, take again; Ctrl-D hangs up."},
		"console.stay":    {"Rien à quitter ici : fermez l'onglet quand vous voulez.", "There is nothing to leave here: close the tab when you like."},
		"console.unknown": {"%s : il n'y a que telnet ici (et help).", "%s: there is only telnet here (and help)."},
		"login.title":     {"Votre serveur de courrier", "Your mail server"},
		"login.name":      {"Votre nom", "Your name"},
		"login.name.tip":  {"comme sur votre feuille : nom, numéro ou compte", "as on your sheet: name, number or account"},
		"login.password":  {"Mot de passe", "Password"},
		"login.enter":     {"Entrer", "Log in"},
		"login.unknown":   {"Personne de ce nom dans la classe. Écrivez votre nom comme sur votre feuille.", "Nobody of that name in the class. Type your name as on your sheet."},
		"login.wrong":     {"Mot de passe refusé par votre serveur. Majuscules et minuscules comptent.", "Your server refuses that password. Capitals count."},
		"login.changed":   {"Votre mot de passe a changé : entrez de nouveau.", "Your password has changed: log in again."},
		"login.away":      {"Votre serveur ne répond pas pour l'instant. Essayez encore dans un moment ; si cela dure, dites-le à l'enseignant.", "Your server does not answer just now. Try again in a moment; if it lasts, tell your teacher."},
		"login.wait":      {"Trop de mots de passe faux : attendez %d s.", "Too many wrong passwords: wait %d s."},
		"login.teacher":   {"Enseignant : la commande maillab web donne votre lien.", "Teacher: the command maillab web gives your link."},
		"logout":          {"Quitter", "Log out"},
		"language":        {"English", "Français"},
		"skip":            {"Aller à l'énoncé", "Go to the statement"},
		"away":            {"Votre serveur ne répond pas. La page essaie de nouveau toute seule.", "Your server does not answer. The page tries again by itself."},
		"offline":         {"Liaison perdue : la page essaie de nouveau toute seule. Ce que vous écrivez est gardé.", "Connection lost: the page tries again by itself. What you write is kept."},
		"restarted":       {"La page a redémarré : entrez de nouveau. Vos réponses et vos tâches sont gardées.", "The page was restarted: log in again. Your answers and tasks are kept."},
		"places":          {"Pages", "Pages"},
		"statement":       {"Énoncé", "Statement"},
		"large":           {"C'est trop gros : rien n'a été envoyé. Revenez en arrière : ce que vous aviez écrit y est encore ; choisissez moins de fichiers, ou de plus petits.", "That is too large: nothing was sent. Go back: what you wrote is still there; choose fewer or smaller files."},
		"mail":            {"Courrier", "Mail"},
		"mail.skip":       {"Aller au courrier", "Go to the mail"},
		"mail.offline":    {"Liaison perdue : rien n'a été envoyé, et ce que vous écrivez est gardé. Essayez encore dans un moment.", "Connection lost: nothing was sent, and what you write is kept. Try again in a moment."},
		"mail.restarted":  {"La page a redémarré : entrez de nouveau, puis revenez ici. Ce que vous écrivez est gardé.", "The page was restarted: log in again, then come back here. What you write is kept."},
		"sum":             {"%d tâches sur %d · %s points sur %d", "%d of %d tasks · %s of %d points"},
		"progress":        {"Où vous en êtes", "How far you are"},
		"points.1":        {"1 point", "1 point"},
		"points":          {"%d points", "%d points"},
		"state.passed":    {"réussie", "passed"},
		"state.failed":    {"pas encore", "not yet"},
		"state.blocked":   {"fermée", "closed"},
		"state.manual":    {"à voir par l'enseignant", "for the teacher to see"},
		"state.todo":      {"à faire", "to do"},
		"needs":           {"S'ouvre après : ", "Opens after: "},
		"check":           {"Vérifier", "Check"},
		"hint":            {"Indice", "Hint"},
		"answer":          {"Votre réponse", "Your answer"},
		"answer.send":     {"Répondre", "Answer"},
		"comment":         {"L'enseignant : ", "Your teacher: "},
		"answer.given":    {"Votre réponse : ", "Your answer: "},
		"working":         {"en cours…", "working…"},
		"account":         {"Compte", "Account"},
		"skip.main":       {"Aller au contenu", "Go to the content"},
		"happened":        {"Ce qui s'est passé", "What happened"},
		"dialogues":       {"Vos dialogues", "Your dialogues"},
		"dialogues.tip":   {"Tout ce qui a été dit aux ports 25, 110 et 143, par vous ou par vos programmes.", "All that was said at ports 25, 110 and 143, by you or by your programs."},
		"commands.1":      {"1 commande", "1 command"},
		"commands":        {"%d commandes", "%d commands"},
		"messages":        {"Messages arrivés", "Messages that arrived"},
		"messages.tip":    {"Ce qui est entré dans vos boîtes, avec l'enveloppe par laquelle c'est venu.", "What came into your mailboxes, with the envelope by which it came."},
		"nothing":         {"Rien pour l'instant.", "Nothing yet."},
		"gone":            {"Cela n'est pas gardé, ou ne l'est plus.", "This is not kept, or no longer."},
		"dialogue":        {"Un dialogue %s", "A dialogue in %s"},
		"in.words":        {"La même chose en mots", "The same in words"},
		"became":          {"Dans le journal, ce message s'appelle ", "In the log this message is called "},
		"message":         {"Le message %s", "Message %s"},
		"letter":          {"L'enveloppe et la lettre", "The envelope and the letter"},
		"parts":           {"Les parties", "The parts"},
		"source":          {"Le source", "The source"},
		"lines.more":      {"… et %d lignes encore.", "… and %d lines more."},
		"cut":             {"La fin du message n'est pas gardée.", "The message's end is not kept."},
		"log.tip":         {"Le journal du serveur, à mesure qu'il s'écrit.", "The server's log, as it is written."},
	}
}

// say is one of them in a language.
func say(lang, key string, args ...any) string {
	in := 1
	if lang == "fr" {
		in = 0
	}
	text := words()[key][in]
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}
