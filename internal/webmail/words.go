package webmail

import (
	"fmt"
	"sync"
)

// words are what pages say, French and English.
var words = sync.OnceValue(func() map[string][2]string {
	return map[string][2]string{
		"mail":             {"Courrier", "Mail"},
		"accounts.yours":   {"Comptes", "Accounts"},
		"account.locked":   {"mot de passe demandé", "asks for its password"},
		"account.open":     {"Ouvrir la boîte de %s", "Open the mailbox of %s"},
		"account.name":     {"Compte", "Account"},
		"account.other":    {"Un autre compte", "Another account"},
		"account.password": {"Son mot de passe", "Its password"},
		"account.enter":    {"Ouvrir", "Open"},
		"account.why":      {"Chaque compte a sa boîte et son mot de passe ; votre serveur le vérifie, comme pour un logiciel de mail.", "Each account has a mailbox and a password of its own; your server checks it, as it does for a mail program."},
		"folders":          {"Dossiers", "Folders"},
		"folder.inbox":     {"Réception", "Inbox"},
		"folder.sent":      {"Envoyés", "Sent"},
		"folder.trash":     {"Corbeille", "Trash"},
		"unread":           {"%d non lus", "%d unread"},
		"write":            {"Écrire", "Write"},
		"search":           {"Chercher", "Search"},
		"search.in":        {"Chercher dans ce dossier", "Search this folder"},
		"search.found":     {"« %s » : %d trouvés", "\"%s\": %d found"},
		"search.end":       {"Tout montrer", "Show all"},
		"empty":            {"Aucun message ici.", "No messages here."},
		"empty.found":      {"Aucun message ne contient cela. Essayez un mot plus court.", "No message has that in it. Try a shorter word."},
		"choose":           {"Choisir : %s", "Choose: %s"},
		"chosen":           {"Les messages choisis", "The chosen messages"},
		"col.choose":       {"Choisir", "Choose"},
		"col.from":         {"De", "From"},
		"col.to":           {"À", "To"},
		"col.subject":      {"Sujet", "Subject"},
		"col.date":         {"Date", "Date"},
		"col.size":         {"Taille", "Size"},
		"cc":               {"Copie à (Cc)", "Copy to (Cc)"},
		"cc.short":         {"Copie", "Cc"},
		"bcc":              {"Copie cachée à (Bcc)", "Hidden copy to (Bcc)"},
		"new":              {"non lu", "unread"},
		"answered":         {"répondu", "answered"},
		"nosubject":        {"(sans sujet)", "(no subject)"},
		"nosender":         {"(personne)", "(nobody)"},
		"range":            {"%d à %d sur %d", "%d to %d of %d"},
		"newer":            {"Plus récents", "Newer"},
		"older":            {"Plus anciens", "Older"},
		"delete":           {"Supprimer", "Delete"},
		"destroy":          {"Supprimer pour toujours", "Delete for good"},
		"seen":             {"Marquer lu", "Mark read"},
		"unseen":           {"Marquer non lu", "Mark unread"},
		"move":             {"Déplacer", "Move"},
		"move.into":        {"Déplacer vers", "Move to"},
		"back":             {"Retour à la liste", "Back to the list"},
		"reply":            {"Répondre", "Reply"},
		"reply.all":        {"Répondre à tous", "Reply to all"},
		"source":           {"Source", "Source"},
		"source.why":       {"Le message comme il est enregistré sur le serveur : les en-têtes, une ligne vide, le corps.", "The message as the server keeps it: the header, an empty line, the body."},
		"source.get":       {"Télécharger (.eml, %s)", "Download (.eml, %s)"},
		"message":          {"Le message", "The message"},
		"as.html":          {"Voir la mise en forme (HTML)", "Show its layout (HTML)"},
		"as.text":          {"Voir le texte", "Show the text"},
		"html.frame":       {"Le message, mis en forme", "The message, laid out"},
		"html.why":         {"HTML sans danger : rien n'est exécuté, rien n'est chargé d'ailleurs.", "Harmless HTML: nothing runs, nothing is loaded from elsewhere."},
		"notext":           {"Ce message n'a pas de texte.", "This message has no text."},
		"cutoff":           {"La suite n'est pas montrée : la source a tout.", "The rest is not shown: the source has all of it."},
		"files":            {"Pièces jointes", "Attachments"},
		"file.get":         {"Télécharger %s", "Download %s"},
		"remote":           {"image non chargée : %s", "picture not loaded: %s"},
		"nopicture":        {"image absente du message, ou trop grande", "picture is not in the message, or too large"},
		"from":             {"De", "From"},
		"to":               {"À", "To"},
		"to.tip":           {"plusieurs adresses : séparées par des virgules ; sans @ c'est un compte de votre serveur", "several addresses: with commas between; without an @ it is an account of your server"},
		"subject":          {"Sujet", "Subject"},
		"text":             {"Texte", "Text"},
		"enclose":          {"Fichiers à joindre", "Files to attach"},
		"enclose.tip":      {"au plus 10, et 2 Mo en tout ; à choisir de nouveau si l'envoi a échoué", "10 at most, 2 MB in all; to be chosen again when sending has failed"},
		"enclosed":         {"Trop de fichiers, ou trop gros : au plus 10, et 2 Mo en tout.", "Too many files, or too large: 10 at most, 2 MB in all."},
		"send":             {"Envoyer", "Send"},
		"wrote":            {"Le %s, %s a écrit :", "On %s, %s wrote:"},
		"told.sent":        {"Envoyé : le serveur l'a accepté.", "Sent: the server has accepted it."},
		"told.unkept":      {"Envoyé ; mais la copie n'a pas pu être mise dans le dossier des envoyés.", "Sent; but the copy could not be put among the sent letters."},
		"told.deleted":     {"Mis à la corbeille.", "Moved to the trash."},
		"told.destroyed":   {"Supprimé pour toujours.", "Deleted for good."},
		"told.moved":       {"Déplacé.", "Moved."},
		"unsent":           {"Rien n'a été envoyé : votre serveur a refusé. Corrigez, puis envoyez de nouveau.", "Nothing was sent: your server refuses it. Correct it, then send again."},
		"refusal.letter":   {"le message", "the letter"},
		"norecipient":      {"À qui ? Écrivez au moins une adresse.", "To whom? Type one address at least."},
		"recipients":       {"Trop de destinataires : au plus 100 à la fois.", "Too many recipients: 100 at a time, at most."},
		"address":          {"« %s » n'est pas une adresse. Écrivez par exemple util1, ou util1@domaine.", "\"%s\" is no address. Type for instance util1, or util1@domain."},
		"oneline":          {"%s tient sur une ligne, et n'a pas plus de 900 caractères.", "%s is a single line of 900 characters at most."},
		"long":             {"Le texte est trop long : au plus 128 Ko. Envoyez-le en plusieurs messages.", "The text is too long: 128 KB at most. Send it as several letters."},
		"nothing":          {"Aucun message n'est choisi. Cochez-en un, puis recommencez.", "No message is chosen. Tick one, then try again."},
		"gone":             {"Ce message n'est plus là : il a été déplacé, ou supprimé par un autre logiciel. Retournez à la liste.", "This message is not there any more: it was moved, or another program has deleted it. Go back to the list."},
		"nofolder":         {"Ce dossier n'existe pas, ou plus. Choisissez-en un dans la liste.", "There is no such folder, or not any more. Choose one from the list."},
		"password":         {"Mot de passe refusé pour ce compte. Majuscules et minuscules comptent.", "That account's password is refused. Capitals count."},
		"accounts":         {"Trop de comptes ouverts : quittez la page et entrez de nouveau.", "Too many accounts are open: log out and in again."},
		"closed":           {"Ce compte n'est pas ouvert ici. Ouvrez-le dans un autre onglet, puis envoyez de nouveau : votre texte reste.", "This account is not open here. Open it in another tab, then send again: your text stays."},
		"noimap":           {"Ce serveur n'a pas d'IMAP : un webmail en a besoin, car il laisse le courrier sur le serveur. Lisez-le par POP3, avec un logiciel de mail ou à la main.", "This server has no IMAP, which webmail needs, for it leaves mail on the server. Read yours by POP3, with a mail program or by hand."},
		"nosmtp":           {"Ce serveur n'a pas de SMTP : on ne peut pas y envoyer de courrier.", "This server has no SMTP: no mail can be sent."},
		"busy":             {"Vos autres pages lisent encore. Essayez dans un moment.", "Your other pages are still reading. Try again in a moment."},
		"slow":             {"Votre serveur a mis trop longtemps. Essayez encore ; si cela dure, dites-le à l'enseignant.", "Your server took too long. Try again; if it lasts, tell your teacher."},
		"away":             {"Votre serveur ne répond pas pour l'instant. Essayez encore dans un moment ; si cela dure, dites-le à l'enseignant.", "Your server does not answer just now. Try again in a moment; if it lasts, tell your teacher."},
		"refused":          {"Votre serveur a refusé : %s", "Your server refuses: %s"},
	}
})

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
