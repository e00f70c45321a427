package handout

import (
	"fmt"
	"strings"
)

// words are what a sheet says, in one language.
type words struct {
	sheet, server, mail, accounts, account, password, services, service, typed, address, colon, own, others, same string
	first, connect, telnet, read, tasks, most, check, hint, task, browser                                         string
	recorded, shown, until, scan                                                                                  string
}

func wordsOf(lang string) words {
	if lang == "fr" {
		return words{
			sheet: "Fiche de", server: "Votre serveur", mail: "Domaine", accounts: "Comptes", account: "Compte", password: "Mot de passe",
			services: "Services", service: "Service", typed: "À taper", address: "Adresse", colon: "\u00a0:",
			own: "Vous travaillez avec les comptes en gras.", others: "Les autres comptes du serveur, et leur mot de passe", same: "mot de passe",
			first: "Pour commencer", connect: "Connectez-vous", telnet: "Parlez au serveur", read: "lisez l'énoncé", tasks: "montre les tâches et où vous en êtes", most: " (tâches\u00a0: %d, points\u00a0: %d)",
			check: "vérifie ce que vous avez fait", hint: "donne un indice", task: "TÂCHE", browser: "Ou dans un navigateur",
			recorded: "Ce que vous tapez aux ports 25, 110 et 143 est enregistré, avec l'heure (les mots de passe sont masqués), de même que les messages " +
				"reçus, vos réponses et vos résultats. L'enseignant peut les lire, ainsi que votre boîte ; rien n'est envoyé ailleurs. " +
				"Dialogues, messages et fichiers disparaissent quand l'enseignant retire le serveur ; réponses et résultats quand il les efface.",
			shown: " Sur la page de la classe, ce que montrent vos terminaux est enregistré aussi, jusqu'à ce que l'enseignant retire le serveur.",
			until: "Le serveur est prévu jusqu'au", scan: "L'adresse, pour un téléphone",
		}
	}
	return words{
		sheet: "Sheet of", server: "Your server", mail: "Mail domain", accounts: "Accounts", account: "Account", password: "Password",
		services: "Services", service: "Service", typed: "Type", address: "Address", colon: ":",
		own: "You work with the accounts in bold.", others: "The server's other accounts, and their passwords", same: "password",
		first: "To begin with", connect: "Log in", telnet: "Talk to the server", read: "read what to do", tasks: "shows the tasks, and where you are", most: " (tasks: %d, points: %d)",
		check: "checks what you have done", hint: "gives a hint", task: "TASK", browser: "Or in a browser",
		recorded: "What you type at ports 25, 110 and 143 is recorded, with the time (passwords are masked), and so are the messages that arrive, your " +
			"answers and your results. Your teacher can read them, and your mailbox; nothing is sent elsewhere. Dialogues, messages and files " +
			"are gone when the teacher takes the server down; answers and results when the teacher erases them.",
		shown: " On the class's page what your terminals show is recorded, too, until the teacher takes the server down.",
		until: "The server is planned until", scan: "The address, for a phone",
	}
}

// step is something to do: what to type, what it does, and what is asked then.
type step struct{ Lead, Command, Does, Secret string }

// steps are what a student does first.
func (s Sheet) steps() (all []step) {
	w := wordsOf(s.Lang)
	colon := w.colon + " "
	login, hasSSH := s.service("ssh")
	if !hasSSH {
		for _, service := range s.Services[:min(1, len(s.Services))] {
			all = append(all, step{w.telnet + " (" + strings.ToUpper(service.Name) + ")" + colon, service.Command(s.Login()), "", ""})
		}
		return append(all, s.page(w)...)
	}
	password := ""
	if len(s.Accounts) > 0 {
		password = s.Accounts[0].Password
	}
	all = append(all, step{w.connect + colon, login.Command(s.Login()), w.same + w.colon, password})
	if s.Statement != "" {
		all = append(all, step{"", "less " + s.Statement, w.read, ""})
	}
	all = append(all, s.page(w)...)
	if s.Tasks > 0 {
		all = append(all, step{"", "lab", w.tasks + fmt.Sprintf(w.most, s.Tasks, s.Points), ""}, step{"", "lab check", w.check, ""}, step{"", "lab hint " + w.task, w.hint, ""})
	}
	return all
}

// recorded is what a student is told of records.
func (s Sheet) recorded(w words) string {
	if s.Web == "" {
		return w.recorded
	}
	return w.recorded + w.shown
}

// page is the class's page, where there is one.
func (s Sheet) page(w words) []step {
	if s.Web == "" {
		return nil
	}
	return []step{{w.browser + w.colon + " ", s.Web, "", ""}}
}
